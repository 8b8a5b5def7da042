"""Asks the name servers about a sending domain and lets `senddock.domain.dns_records` judge what they say."""
