"""The SMTP door: applications hand mail over by SMTP (RFC 6409); it answers 250 when the message is on disk."""
