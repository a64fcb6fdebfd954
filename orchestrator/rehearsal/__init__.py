"""`laitevuoro rehearse`: a library of real processes, spoilt in every way that we can think of.

faults -> stage -> compare

Then the devices' own journals are held against what was counted (compare.py says how).
"""
