package summary

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A log is offered where there is one.
func TestFooterOffersALog(t *testing.T) {
	s := named(failing("checkout", "team-payments"))
	assert.Contains(t, Text(s, TextOptions{Width: 100}), "Log:         assay logs r-checkout")
	for i := range s.Results {
		if s.Results[i].Result != nil {
			s.Results[i].Result.Files = nil
		}
	}
	assert.NotContains(t, Text(s, TextOptions{Width: 100}), "assay logs")
}
