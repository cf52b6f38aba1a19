"""The VGG family: published weights, random ones, and a small sibling."""
