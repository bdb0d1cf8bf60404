"""Many cameras in one process: sources, queues, workers and what they give, from one `site.toml`."""
