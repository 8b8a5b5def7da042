"""The wire to webhook endpoints: what is signed, where it may go, and what came back."""
