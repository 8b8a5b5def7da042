"""Message content: RFC 5322 bytes made, read, and changed only where the provider needs it."""
