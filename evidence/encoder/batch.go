package encoder

import "math/rand/v2"

// groupsOf lists the pairs of each group, in order of first appearance.
func groupsOf(pairs []Pair) [][]int {
	index := map[string]int{}
	var groups [][]int
	for i, p := range pairs {
		at, seen := index[p.Group]
		if !seen || p.Group == "" {
			at = len(groups)
			index[p.Group] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], i)
	}
	return groups
}

// deal shuffles the pairs into batches such that pairs of a group stay together, perGroup at most, so that
// a question meets the other passages on its subject. The batches have the same size but for one pair.
func deal(groups [][]int, cfg Config, rng *rand.Rand) [][]int {
	var clusters [][]int
	total := 0
	for _, g := range groups {
		members := append([]int(nil), g...)
		rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		total += len(members)
		for len(members) > 0 {
			n := min(cfg.PerGroup, len(members))
			clusters = append(clusters, members[:n])
			members = members[n:]
		}
	}
	rng.Shuffle(len(clusters), func(i, j int) { clusters[i], clusters[j] = clusters[j], clusters[i] })
	order := make([]int, 0, total)
	for _, c := range clusters {
		order = append(order, c...)
	}
	count := max(1, (total+cfg.Batch/2)/cfg.Batch)
	batches := make([][]int, count)
	for b := range batches {
		batches[b] = order[b*total/count : (b+1)*total/count]
	}
	return batches
}
