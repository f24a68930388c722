package fleet

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
)

// paths.geojson is a small network drawn by hand after the roads and footpaths of Sophia-Antipolis; lines meet where they share a vertex.
//
//go:embed paths.geojson
var pathsJSON []byte

// A place is a point on a plane that touches the Earth in the middle of the network: metres east and north of it.
type place struct{ x, y float64 }

// A network is where people walk: corners, and which of them are joined.
type network struct {
	lat0, lon0 float64
	corners    []place
	next       [][]int // by corner
}

// streets is the built-in network; it panics when the embedded file is broken, which a test would show.
var streets = sync.OnceValue(func() *network {
	n, err := parseNetwork(pathsJSON)
	if err != nil {
		panic(err)
	}
	return n
})

const metresPerDegree = 111_320

func parseNetwork(data []byte) (*network, error) {
	var doc struct {
		Features []struct {
			Geometry struct {
				Coordinates [][2]float64 `json:"coordinates"`
			} `json:"geometry"`
		} `json:"features"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("paths: %w", err)
	}
	n := &network{lat0: 43.616, lon0: 7.055}
	index := map[[2]float64]int{}
	corner := func(c [2]float64) int {
		i, ok := index[c]
		if !ok {
			i = len(n.corners)
			index[c] = i
			n.corners = append(n.corners, n.place(c[1], c[0]))
			n.next = append(n.next, nil)
		}
		return i
	}
	for _, f := range doc.Features {
		line := f.Geometry.Coordinates
		for i := range len(line) - 1 {
			a, b := corner(line[i]), corner(line[i+1])
			n.next[a], n.next[b] = append(n.next[a], b), append(n.next[b], a)
		}
	}
	if len(n.corners) < 2 {
		return nil, fmt.Errorf("paths: %d corners", len(n.corners))
	}
	return n, nil
}

func (n *network) place(lat, lon float64) place {
	return place{(lon - n.lon0) * metresPerDegree * math.Cos(n.lat0*math.Pi/180), (lat - n.lat0) * metresPerDegree}
}

// degrees is the other half of place.
func (n *network) degrees(p place) (lat, lon float64) {
	return n.lat0 + p.y/metresPerDegree, n.lon0 + p.x/(metresPerDegree*math.Cos(n.lat0*math.Pi/180))
}

// A route is somebody's way through a network: between two corners, some metres after the first.
type route struct {
	from, to int
	along    float64
}

func (n *network) start(r *rand.Rand) route {
	from := r.IntN(len(n.corners))
	to := n.next[from][r.IntN(len(n.next[from]))]
	return route{from, to, r.Float64() * n.length(from, to)}
}

func (n *network) length(a, b int) float64 {
	return math.Hypot(n.corners[b].x-n.corners[a].x, n.corners[b].y-n.corners[a].y)
}

// walk goes on for metres. At a corner it turns back only where the path ends.
func (n *network) walk(w *route, metres float64, r *rand.Rand) {
	w.along += metres
	for l := n.length(w.from, w.to); w.along >= l; l = n.length(w.from, w.to) {
		w.along -= l
		came := w.from
		w.from = w.to
		ways := n.next[w.from]
		w.to = came
		if len(ways) > 1 {
			i := r.IntN(len(ways) - 1)
			for _, to := range ways {
				if to == came {
					continue
				}
				if i == 0 {
					w.to = to
					break
				}
				i--
			}
		}
	}
}

// at is where w is, and in what direction it goes, in degrees from north.
func (n *network) at(w route) (p place, course float64) {
	a, b, l := n.corners[w.from], n.corners[w.to], n.length(w.from, w.to)
	f := w.along / l
	course = math.Mod(math.Atan2(b.x-a.x, b.y-a.y)*180/math.Pi+360, 360)
	return place{a.x + (b.x-a.x)*f, a.y + (b.y-a.y)*f}, course
}
