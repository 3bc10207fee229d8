package summary

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func diagnosis(checks ...Check) Diagnosis {
	return Diagnose(Diagnosis{
		Time: time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600)), Assay: "v1.2.3",
		Environment: "staging", RunNamespace: "assay-payments", Targets: []string{"shop"}, Suites: []string{"checkout-e2e"},
		CoreImage: "registry.example/assay@sha256:" + strings.Repeat("a", 64),
		Cluster:   ExaminedPlace{ID: "ca:sha256:00", Address: "https://k.example:6443", Context: "staging", User: "system:serviceaccount:assay-payments:assay", Kubernetes: "1.34"},
		Checks:    checks,
	})
}

func diagnoses() map[string]Diagnosis {
	const roles = "Have an administrator apply the Roles:\n\nassay install --environment staging | kubectl apply -f -\n\n"
	const rule = "# Role assay in namespace assay-payments\n- apiGroups: [\"batch\"]\n  resources: [jobs]\n  verbs: [create, get, list, watch, delete]"
	return map[string]Diagnosis{
		"doctor-well": diagnosis(
			Check{ID: "cluster", Title: "cluster", Status: CheckOK, Message: "https://k.example:6443 answered within 3ms", DurationSeconds: 0.003},
			Check{ID: "probe", Title: "probe", Status: CheckOK, Message: "a Job ran on node a in 2.4s", DurationSeconds: 2.4},
		),
		"doctor-unwell": diagnosis(
			Check{ID: "cluster", Title: "cluster", Status: CheckOK, Message: "https://k.example:6443 answered within 3ms"},
			Check{ID: "run-permission/jobs", Title: "permission: jobs", Status: CheckFailed, Message: "may not create, delete jobs in assay-payments, which it takes to run suites and remove what is over", Mend: roles + rule},
			Check{ID: "run-permission/pods", Title: "permission: pods", Status: CheckFailed, Message: "may not list pods in assay-payments", Mend: roles + "# Role assay in namespace assay-payments\n- apiGroups: [\"\"]\n  resources: [pods]\n  verbs: [get, list, watch, delete]"},
			Check{ID: "clock", Title: "clock", Status: CheckWarning, Message: "the cluster's clock is 10m0s ahead of this machine's", Mend: "Set the clock that is wrong."},
			Check{ID: "image/a", Title: "image of " + strings.Repeat("a-suite-with-a-long-name, ", 4), Status: CheckUnknown, Message: "registry.example/" + strings.Repeat("x", 120) + " \x1b[2Jand\nmore"},
			Check{ID: "job/a", Title: "Job of checkout-e2e", Status: CheckSkipped, Message: "not looked at, because it depends on: permission: jobs"},
		),
	}
}

func TestDiagnosis(t *testing.T) {
	for name, d := range diagnoses() {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".txt", DiagnosisText(d, TextOptions{}))
			doc, err := json.MarshalIndent(d, "", "  ")
			require.NoError(t, err)
			golden(t, name+".json", string(doc)+"\n")
			for _, width := range []int{40, 60, 100} {
				text := DiagnosisText(d, TextOptions{Color: true, Width: width})
				plain := DiagnosisText(d, TextOptions{Width: width})
				assert.Equal(t, plain, withoutEscapes(text), "the words say the same without colours")
				assert.NotContains(t, plain, "\x1b")
			}
		})
	}
	golden(t, "doctor-unwell-narrow.txt", DiagnosisText(diagnoses()["doctor-unwell"], TextOptions{Color: true, Width: 50}))
}

func TestDiagnose(t *testing.T) {
	of := func(all ...CheckStatus) Diagnosis {
		var checks []Check
		for _, s := range all {
			checks = append(checks, Check{Status: s})
		}
		return diagnosis(checks...)
	}
	assert.Equal(t, CheckOK, of().Status)
	assert.Equal(t, CheckOK, of(CheckOK, CheckSkipped, CheckUnknown).Status)
	assert.Equal(t, CheckWarning, of(CheckWarning, CheckOK).Status)
	assert.Equal(t, CheckFailed, of(CheckWarning, CheckFailed, CheckOK).Status)
	assert.Equal(t, "Fit to run suites: 1 check", of(CheckOK).title())
	assert.Equal(t, "Fit to run suites: 4 checks, 1 with a warning, 1 skipped, 2 could not be told", of(CheckWarning, CheckSkipped, CheckUnknown, CheckUnknown).title())
	assert.Equal(t, "Not fit to run suites: 1 of 2 checks failed", of(CheckFailed, CheckOK).title())
	assert.NotNil(t, Diagnose(Diagnosis{}).Checks, "consumers never see null")
}
