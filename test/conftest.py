"""Its being here puts this directory on the path of all tests, for `import support`."""
