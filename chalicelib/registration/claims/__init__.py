"""Claims on a NIK that another registration holds: what proves more, and how a NIK comes back to its owner."""
