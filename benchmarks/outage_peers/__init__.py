"""The receivers of the outage drill: one module for each sink, a real server on loopback."""
