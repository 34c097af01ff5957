"""Newton and quasi-Newton: what second derivatives repair, what they cost, and where they break."""
