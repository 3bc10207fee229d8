package manifest

import "strings"

// Suggest gives the known word that is most likely meant by word, or "" where none is near.
func Suggest(word string, known []string) string {
	w := strings.ToLower(word)
	if len(w) > 100 {
		return "" // no word of ours is as long, and the distance costs length times length
	}
	best, bestDistance := "", len([]rune(w))/3+1
	for _, k := range known {
		d := distance(w, strings.ToLower(k))
		if d < bestDistance || d == bestDistance && best == "" {
			best, bestDistance = k, d
		}
	}
	return best
}

// DidYouMean makes a hint: the word that was likely meant, or else the list of what is known.
func DidYouMean(word string, known []string) string {
	if s := Suggest(word, known); s != "" {
		return "did you mean " + quote(s) + "?"
	}
	if len(known) == 0 {
		return ""
	}
	const most = 30
	if len(known) > most {
		return "known: " + strings.Join(known[:most], ", ") + ", …"
	}
	return "known: " + strings.Join(known, ", ")
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between a and b
// (optimal string alignment).
func distance(a, b string) int {
	ar, br := []rune(a), []rune(b)
	before, last := make([]int, len(br)+1), make([]int, len(br)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(ar); i++ {
		row := make([]int, len(br)+1)
		row[0] = i
		for j := 1; j <= len(br); j++ {
			cost := 1
			if ar[i-1] == br[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && ar[i-1] == br[j-2] && ar[i-2] == br[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(br)]
}
