"""Pictures and regions: decode, encode, fit, draw, measure and export."""
