"""The order's life: its states (PURE), the journal, the dispatcher, following, and a person's acts."""
