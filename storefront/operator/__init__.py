"""Routes for the platform's own people under /operator/v1: tenants, and work that needs a person."""
