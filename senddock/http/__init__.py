"""Outbound HTTP: which addresses may be called, and one call to the address that was checked."""
