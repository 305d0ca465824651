"""Who may do what, and how connections and requests prove where they come from.

Nothing here knows of callers' protocols: listeners and clients above are given contexts of TLS, a guard and a signer.
"""
