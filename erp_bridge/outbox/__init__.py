"""Writing to ERPNext: what (facts, planner), in whose words (wording), how (delivery), when."""
