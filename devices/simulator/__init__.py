"""A fleet that lives: people with homes and work, bracelets that drift, lose touch and lie."""
