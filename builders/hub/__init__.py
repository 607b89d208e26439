"""Releases and pools on the Hub: published once, whole; verified, compared, fetched by anyone."""
