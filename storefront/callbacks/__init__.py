"""Routes for vendors' callbacks: verify the signature, keep the raw message once, answer in the vendor's own form."""
