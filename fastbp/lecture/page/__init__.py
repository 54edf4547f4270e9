"""The lecture as a page: slides, formulas, loops and a network whose numbers move."""
