"""Routes for shoppers: the brand's mini-program under /shopper/v1. Tenant from the token or the headers; store from X-Store-Id."""
