// The suite itself cannot be loaded.
throw new Error("the suite broke while it was loaded");
