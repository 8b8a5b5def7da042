"""Outbound SMTP: opening a session stage by stage, pipelined transactions, a pool of open sessions, and the probe."""
