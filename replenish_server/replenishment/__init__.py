"""When and how much: the policy (PURE), its sentences (PURE), and the use case that evaluates a slot."""
