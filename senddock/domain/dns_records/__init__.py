"""What the DNS records of a sending domain mean for mail: SPF, DKIM keys, DMARC, alignment, what to publish.

Everything here judges text and data that somebody else has looked up (`senddock.domains` asks the name servers). The
organisational domain, which needs the public suffix list, comes in as a function.
"""
