"""The only folder that knows the whole flow."""
