"""SendDock: a durable queue in front of your own SMTP accounts."""

__version__ = "0.1.0"
