"""Events of the last days with their pictures, on disk and searchable: a sink fills it, the REST face reads it."""
