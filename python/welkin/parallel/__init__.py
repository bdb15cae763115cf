"""What tracers and runners of every framework share: model files in the making, the program `welkin`, and what came of a plan.

Needs Python alone.
"""
