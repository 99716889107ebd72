package httpprobe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/cutover-go/cutover/redisack"
)

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Fri, 02 Jan 2026 03:04:15 GMT")
	f.Add("9223372036854775808")
	f.Fuzz(func(t *testing.T, text string) {
		if got := retryAfter(text, time.Unix(0, 0)); got < 0 || got > maxRetryAfter {
			t.Fatalf("%q: %v", text, got)
		}
	})
}

func FuzzExtract(f *testing.F) {
	f.Add("a.b", []byte(`{"a":{"b":"v1"}}`))
	f.Add("", []byte(`"v1"`))
	f.Add("0", []byte(`[1e400]`))
	f.Add(`a\.b`, []byte(`{"a.b":{}}`))
	re := Regexp(regexp.MustCompile(`v(\d*)`))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		a := Answer{Status: 200, Header: http.Header{"X-Version": {string(body)}}, Body: body}
		for name, e := range map[string]Extract{"json": JSONField(path), "re": re, "text": Text(), "header": Header("X-Version")} {
			first, err := e(a)
			again, err2 := e(a)
			if first != again || fmt.Sprint(err) != fmt.Sprint(err2) {
				t.Fatalf("%s is not stable", name)
			}
			if obs, err := (Config{Version: e}).observe(a); (err == nil) != (obs.Version != "") {
				t.Fatalf("%s: version %q with error %v", name, obs.Version, err)
			}
		}
	})
}

// FuzzJSONField checks that JSONField finds the same value as encoding/json.
func FuzzJSONField(f *testing.F) {
	f.Add("a", []byte(`{"a":"v1","b":[1,{"c":"}"}],"a":"v2"}`))
	f.Add("a.1.c", []byte(` {"a" : [ {} , {"c" : "\\"x\u00e9" } ] } `))
	f.Add("é", []byte(`{"\u00e9":-1.50e2}`))
	f.Add("", []byte(` 9007199254740993 `))
	f.Add("1", []byte(`[[],[]]`))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		got, err := JSONField(path)(Answer{Body: body})
		want, ok := byDecoding(path, body)
		if (err == nil) != ok || got != want {
			t.Fatalf("%q in %q: %q, %v; want %q, %v", path, body, got, err, want, ok)
		}
	})
}

// byDecoding implements JSONField with encoding/json.
func byDecoding(path string, body []byte) (string, bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var value any
	if !json.Valid(body) || dec.Decode(&value) != nil {
		return "", false
	}
	for _, step := range splitPath(path) {
		switch node := value.(type) {
		case map[string]any:
			next, ok := node[step]
			if !ok {
				return "", false
			}
			value = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) || strconv.Itoa(i) != step {
				return "", false
			}
			value = node[i]
		default:
			return "", false
		}
	}
	switch leaf := value.(type) {
	case string:
		return leaf, true
	case json.Number:
		return leaf.String(), true
	}
	return "", false
}

func FuzzStatusBody(f *testing.F) {
	f.Add([]byte(`{"instance":"a","boot":"1","applied":{"rev":"2","version":"v2","wid":"w2"}}`))
	f.Add([]byte(`{"instance":"a","attempted":{"rev":2,"state":"rejected"}}`))
	f.Add([]byte(`{"applied":{"rev":18446744073709551615,"at":"2026-01-01T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		obs, err := Config{}.observe(Answer{Status: 200, Body: body})
		if err != nil && (obs.Version != "" || obs.Rev != 0) {
			t.Fatalf("%+v with %v", obs, err)
		}
		if v := redisack.Compare(redisack.Target{Version: "v2", Rev: 2, WriteID: "w2"}, obs); v == redisack.VerdictMatch && obs.Rev != 2 && obs.WriteID != "w2" && obs.Version != "v2" {
			t.Fatalf("%+v matches", obs)
		}
	})
}
