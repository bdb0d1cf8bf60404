"""What leaves the library: the event types, versioned and frozen, and their CloudEvents envelope."""
