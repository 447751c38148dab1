"""Routes for a store's people under /staff/v1: log-in, counter, guide. A staff member's store comes from the token."""
