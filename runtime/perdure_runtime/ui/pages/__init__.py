"""The pages, one module each: what is asked of the node for a page, and what its forms do."""
