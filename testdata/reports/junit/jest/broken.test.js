// The suite itself cannot be loaded: jest reports no test of it.
throw new Error("the suite broke while it was loaded");
