"""How TFLite spells each op: one file a family, each with its RULES."""
