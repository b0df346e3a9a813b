"""What is built on a run: audits, goldens, one gradient by hand, doubts about its tests."""
