// Package trend says whether tests fail more often, or measurements are worse, than before: exact
// tests of chance, corrected for how many are looked at, and the rule that makes a regression of
// them. It is arithmetic, and imports nothing of Assay.
//
// Sources: R. A. Fisher, "On the interpretation of chi-square from contingency tables, and the
// calculation of P" (1922), as in A. Agresti, "Categorical Data Analysis", section 3.5; Y. Benjamini
// and Y. Hochberg, "Controlling the false discovery rate" (1995); E. B. Wilson, "Probable inference,
// the law of succession, and statistical inference" (1927); H. B. Mann and D. R. Whitney, "On a test
// of whether one of two random variables is stochastically larger than the other" (1947); J. L.
// Hodges and E. L. Lehmann, "Estimates of location based on rank tests" (1963).
package trend
