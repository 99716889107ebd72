package redisack

import "testing"

func TestCompare(t *testing.T) {
	t.Parallel()
	const sum = "ABCD"
	target := Target{Version: "v2", Rev: 9007199254740993, WriteID: "w", Sum: "abcd"}
	byVersion := Target{Version: "v2"}
	reject := func(rev uint64, wid string) *Attempt {
		return &Attempt{Rev: rev, WriteID: wid, Version: "v2", Rejected: true}
	}
	cases := map[string]struct {
		target Target
		obs    Observation
		want   Verdict
	}{
		"same revision":                        {target, Observation{Rev: target.Rev}, VerdictMatch},
		"everything is the same":               {target, Observation{Rev: target.Rev, Version: "v2", WriteID: "w", Sum: sum}, VerdictMatch},
		"one less, beyond 2^53":                {target, Observation{Rev: target.Rev - 1}, VerdictBehind},
		"one more, beyond 2^53":                {target, Observation{Rev: target.Rev + 1}, VerdictAhead},
		"newer with the same version":          {target, Observation{Rev: target.Rev + 1, Version: "v2"}, VerdictAhead},
		"same revision, other write":           {target, Observation{Rev: target.Rev, WriteID: "x"}, VerdictDifferent},
		"same revision, other version":         {target, Observation{Rev: target.Rev, Version: "v3"}, VerdictDifferent},
		"same revision, other content":         {target, Observation{Rev: target.Rev, Sum: "abce"}, VerdictDifferent},
		"version only":                         {target, Observation{Version: "v2"}, VerdictMatch},
		"version only, other":                  {target, Observation{Version: "v3"}, VerdictDifferent},
		"an older string has no order":         {byVersion, Observation{Version: "v1"}, VerdictDifferent},
		"same version, other content":          {target, Observation{Version: "v2", Sum: "abce"}, VerdictDifferent},
		"digest in another spelling":           {target, Observation{Sum: "sha256:ABCD"}, VerdictMatch},
		"digest that is not hex":               {Target{Version: "v", Sum: "etag-1"}, Observation{Sum: "etag-1"}, VerdictMatch},
		"another digest":                       {target, Observation{Sum: "ab"}, VerdictDifferent},
		"write id only":                        {target, Observation{WriteID: "w"}, VerdictMatch},
		"nothing to compare":                   {target, Observation{}, VerdictUnknown},
		"revision without a revision to match": {byVersion, Observation{Rev: 5}, VerdictUnknown},
		"nothing applied":                      {target, Observation{Nothing: true}, VerdictBehind},
		"rejected":                             {target, Observation{Rev: 1, Attempt: reject(target.Rev, "w")}, VerdictRejected},
		"rejected, by revision":                {target, Observation{Nothing: true, Attempt: reject(target.Rev, "")}, VerdictRejected},
		"rejected, by write id":                {target, Observation{Rev: 1, Attempt: reject(0, "w")}, VerdictRejected},
		"rejected, by version":                 {byVersion, Observation{Version: "v1", Attempt: reject(0, "")}, VerdictRejected},
		"rejected another revision":            {target, Observation{Rev: 1, Attempt: reject(target.Rev-1, "w")}, VerdictBehind},
		"rejected another write":               {target, Observation{Rev: 1, Attempt: reject(target.Rev, "x")}, VerdictBehind},
		"rejected before, applied now":         {target, Observation{Rev: target.Rev, Attempt: reject(target.Rev, "w")}, VerdictMatch},
		"tried and not rejected":               {target, Observation{Rev: 1, Attempt: &Attempt{Rev: target.Rev}}, VerdictBehind},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Compare(tc.target, tc.obs); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}
