"""Events kept on disk until every sink has them."""
