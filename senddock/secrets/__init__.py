"""Secrets: sealed at rest, hashed where only a comparison is needed, never shown."""
