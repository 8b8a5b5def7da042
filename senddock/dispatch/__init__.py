"""The engine: mail is accepted onto disk here, planned, sent by lanes, and every outcome written down."""
