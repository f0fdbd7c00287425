// Package privacy counts what a job gives away about single patients, and adds the noise that bounds it.
//
// The promise is differential privacy. Epsilon has no unit: with it, whether or not one contribution was there
// changes the odds of anything that the outside can see by a factor of at most e^epsilon, except with probability
// delta. A contribution is one example when the noise is added at the site (DP-SGD, Abadi et al., CCS 2016), and one
// site's whole update when it is added at the hub (McMahan et al., ICLR 2018). Neighbours differ by adding or removing
// one contribution.
//
// The mechanism is always the same: each contribution is drawn with probability q (Poisson sampling, independent of
// all others), cut to an L2 norm of Clip, summed, and Gaussian noise of standard deviation sigma x Clip is added to
// each number of the sum. Sigma is the noise multiplier, q = 1 is the plain Gaussian mechanism: every site, every round.
//
// The accountant follows Renyi divergence, which adds up over steps:
//   - Mironov, "Renyi differential privacy", CSF 2017: the Gaussian mechanism, order/(2 sigma^2) a step, and the
//     conversion Classic;
//   - Mironov, Talwar and Zhang, "Renyi differential privacy of the sampled Gaussian mechanism", 2019: with sampling,
//     for whole orders by its sum, for fractional ones by the integral behind its series;
//   - Balle et al., "Hypothesis testing interpretations and Renyi differential privacy", AISTATS 2020, and Canonne,
//     Kamath and Steinke, "The discrete Gaussian for differential privacy", NeurIPS 2020: the conversion Tight.
//
// What is reported is an upper bound: every order gives one, and the least of them is taken. A job that fixes its batch
// by shuffling and not by Poisson sampling is not covered by these figures; Poisson draws the batch as they ask.
//
// A site keeps a Ledger of what its patients have given, per calendar quarter (UTC). Within a job the spends are
// composed as Renyi divergences; the jobs of a quarter are added up. That is what a policy's epsilon is held against.
package privacy
