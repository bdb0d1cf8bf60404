"""The REST face of an archive: questions over HTTP, answered to those who hold a key."""
