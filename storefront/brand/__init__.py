"""Routes for a brand's headquarters under /brand/v1: catalogue, stores, pages, contracts, statements."""
