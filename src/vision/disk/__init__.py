"""What the outbox and the archive keep on disk has in common: SQLite files, and pictures under their content hash."""
