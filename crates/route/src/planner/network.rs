//! The abstract problem of a question, and what its indices stand for.

use super::question::{PlanError, Question};
use super::route_plan::Medium;
use crate::agreement::Charge;
use crate::solve::{Arc, Effort, Goal, Merged, Problem, Purchase, Resource, Solution, Unsolved, solve};
use crate::store::Store;
use crate::wan::{LinkPrice, SiteId};
use std::collections::BTreeMap;
use welkin_units::{BitsPerSecond, Bytes, Usd};

/// Where data can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Site(SiteId),
    /// Index into the question's stores.
    Store(usize),
}

/// What an arc stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) from: Node,
    pub(super) to: Node,
    pub(super) medium: Medium,
    pub(super) charge: Price,
    /// Rate of one pair of machines with all connections.
    pub(super) rate: BitsPerSecond,
    /// Index into the question's terms.
    pub(super) terms: Option<usize>,
    pub(super) estimated: bool,
}

/// What data pays on a way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Price {
    Link(LinkPrice),
    /// The tariff of the way's terms.
    Terms,
    /// Nothing for a gigabyte; the capacity is a purchase.
    Capacity,
    /// A store's own price on top of the link's.
    Into(LinkPrice, usize),
    Free,
}

/// What a purchase stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bought {
    Vms(SiteId),
    Store(usize),
    /// Units of the capacity of terms.
    Capacity(usize),
}

/// The problem and what its indices stand for.
#[derive(Debug)]
pub(super) struct Network<'q> {
    pub(super) question: &'q Question<'q>,
    effort: &'q Effort,
    pub(super) problem: Problem,
    merged: Merged,
    pub(super) nodes: Vec<Node>,
    pub(super) ways: Vec<Way>,
    pub(super) bought: Vec<Bought>,
}

/// What one VM gives, in the order of its resources after the first.
const EGRESS: usize = 1;
const CONNECTIONS_OUT: usize = 2;
const CONNECTIONS_IN: usize = 3;

impl<'q> Network<'q> {
    /// The network of all places that data may be at.
    pub(super) fn new(question: &'q Question<'q>, effort: &'q Effort) -> Result<Self, PlanError> {
        let wan = question.wan;
        let mut nodes = vec![Node::Site(question.from)];
        nodes.extend(question.to.iter().map(|site| Node::Site(*site)));
        let ends = nodes.clone();
        let relays = wan.ids().filter(|id| {
            let site = wan.site(*id);
            !ends.contains(&Node::Site(*id)) && !site.restricted && question.relays.allows(site)
        });
        nodes.extend(relays.map(Node::Site));
        let stores =
            (0..question.stores.len()).filter(|at| question.relays.allows_store(&question.stores[*at]));
        nodes.extend(stores.map(Node::Store));
        let mut network = Self {
            question,
            effort,
            problem: Problem {
                nodes: nodes.len(),
                source: 0,
                sinks: (1..=question.to.len()).collect(),
                ..Problem::default()
            },
            merged: Merged::default(),
            nodes,
            ways: Vec::new(),
            bought: Vec::new(),
        };
        network.buy();
        network.join()?;
        network.merged = Merged::new(&network.problem);
        Ok(network)
    }

    /// Prices each way at the average of what its meter counts in all when that is `volumes`; a meter that
    /// is not among them at the whole size. Whether any price changed.
    pub(super) fn reprice(&mut self, volumes: &BTreeMap<String, Bytes>) -> Result<bool, PlanError> {
        let mut changed = false;
        for index in 0..self.ways.len() {
            let way = self.ways[index];
            let volume = self.meter(&way).and_then(|meter| volumes.get(meter)).copied();
            let volume = volume.filter(|volume| *volume > Bytes::ZERO).unwrap_or(self.question.size);
            let cost = self.average_per_gb(&way, volume)? / 8.0;
            let arc = &mut self.problem.arcs[index];
            changed |= (cost - arc.cost).abs() > 1e-9;
            arc.cost = cost;
        }
        if changed {
            self.merged = Merged::new(&self.problem);
        }
        Ok(changed)
    }

    /// What is left of the plan's work.
    pub(super) fn effort(&self) -> &'q Effort {
        self.effort
    }

    /// Solves for a goal.
    pub(super) fn solve(&self, goal: Goal) -> Result<Solution, Unsolved> {
        solve(&self.problem, &self.merged, goal, self.effort)
    }

    /// One purchase for each node: its machines, or its account.
    fn buy(&mut self) {
        for node in self.nodes.clone() {
            let purchase = self.bought.len();
            let (units, price, capacities) = match node {
                Node::Site(site) => {
                    let gateway = self.question.wan.gateway(site);
                    self.bought.push(Bought::Vms(site));
                    let capacities = vec![gbit(gateway.ingress), gbit(gateway.egress), 1.0, 1.0];
                    (self.question.max_vms, per_second(gateway.per_hour), capacities)
                }
                Node::Store(store) => {
                    self.bought.push(Bought::Store(store));
                    let capacity = gbit(self.question.stores[store].capacity);
                    (1, 0.0, vec![capacity, capacity, 1.0, 1.0])
                }
            };
            self.problem.purchases.push(Purchase { limit: units, price });
            for capacity in capacities {
                self.problem.resources.push(Resource { purchase, capacity });
            }
        }
    }

    fn join(&mut self) -> Result<(), PlanError> {
        for from in 0..self.nodes.len() {
            for to in 1..self.nodes.len() {
                if from != to {
                    self.join_pair(from, to)?;
                }
            }
        }
        if self.ways.is_empty() {
            let names = |sites: &[SiteId]| {
                let names: Vec<_> =
                    sites.iter().map(|id| self.question.wan.site(*id).name.to_string()).collect();
                names.join(", ")
            };
            return Err(PlanError::Unreachable {
                from: names(&[self.question.from]),
                to: names(self.question.to),
            });
        }
        Ok(())
    }

    /// All ways from a node to another: the link, what agreements make of it, or a store's door.
    fn join_pair(&mut self, from: usize, to: usize) -> Result<(), PlanError> {
        let (wan, stores) = (self.question.wan, self.question.stores);
        let (a, b) = (self.nodes[from], self.nodes[to]);
        let way = |medium, charge, rate, terms, estimated| Way {
            from: a,
            to: b,
            medium,
            charge,
            rate,
            terms,
            estimated,
        };
        match (a, b) {
            (Node::Site(source), Node::Site(destination)) => {
                let Some(link) = wan.link(source, destination) else { return Ok(()) };
                let estimated = link.knowledge == crate::wan::Knowledge::Estimated;
                let listed = way(Medium::Network, Price::Link(link.price), link.rate, None, estimated);
                self.add(from, to, listed)?;
                for (index, terms) in self.question.terms.iter().enumerate() {
                    if !terms.covers(wan.site(source), wan.site(destination)) {
                        continue;
                    }
                    match terms.charge {
                        Charge::PerGb(_) => {
                            let agreed =
                                way(Medium::Network, Price::Terms, link.rate, Some(index), estimated);
                            self.add(from, to, agreed)?;
                        }
                        Charge::Capacity { .. } => {
                            // No distance slows the connections of a leased line: the machines do, and its
                            // capacity, which is bought.
                            let rate = wan.gateway(source).egress.min(wan.gateway(destination).ingress);
                            let leased = way(Medium::Leased, Price::Capacity, rate, Some(index), false);
                            self.add(from, to, leased)?;
                        }
                    }
                }
            }
            (Node::Site(source), Node::Store(store)) => {
                let price = self.store_price(source);
                let rate = wan.gateway(source).egress;
                self.add(from, to, way(Medium::Store, Price::Into(price, store), rate, None, true))?;
            }
            (Node::Store(store), Node::Site(destination)) => {
                let rate = wan.gateway(destination).ingress.min(stores[store].capacity);
                self.add(from, to, way(Medium::Store, Price::Free, rate, None, true))?;
            }
            (Node::Store(_), Node::Store(_)) => {}
        }
        Ok(())
    }

    /// A store is a stranger on the internet.
    fn store_price(&self, source: SiteId) -> LinkPrice {
        let stranger = crate::Endpoint {
            provider: "store",
            region: None,
            continent: self.question.wan.site(source).continent,
        };
        let source = self.question.wan.site(source).endpoint();
        LinkPrice::Tariff(self.question.wan.tariffs().between(&source, &stranger))
    }

    fn add(&mut self, from: usize, to: usize, way: Way) -> Result<(), PlanError> {
        let rate = gbit(way.rate);
        if rate <= 0.0 {
            return Ok(());
        }
        let mut uses = vec![(to * 4, 1.0), (from * 4 + EGRESS, 1.0)];
        if !matches!(way.from, Node::Store(_)) {
            uses.push((from * 4 + CONNECTIONS_OUT, 1.0 / rate));
        }
        if !matches!(way.to, Node::Store(_)) {
            uses.push((to * 4 + CONNECTIONS_IN, 1.0 / rate));
        }
        if let (Price::Capacity, Some(terms)) = (way.charge, way.terms)
            && let Charge::Capacity { rate, per_hour, units } = self.question.terms[terms].charge
        {
            let purchase = self.problem.purchases.len();
            self.bought.push(Bought::Capacity(terms));
            self.problem.purchases.push(Purchase { limit: units, price: per_second(per_hour) });
            uses.push((self.problem.resources.len(), 1.0));
            self.problem.resources.push(Resource { purchase, capacity: gbit(rate) });
        }
        let cost = self.average_per_gb(&way, self.question.size)? / 8.0;
        self.problem.arcs.push(Arc { from, to, cost, uses });
        self.ways.push(way);
        Ok(())
    }

    /// Dollars for a gigabyte when `volume` goes this way.
    #[expect(clippy::cast_precision_loss, reason = "15 digits are enough to choose by; the bill is exact")]
    fn average_per_gb(&self, way: &Way, volume: Bytes) -> Result<f64, PlanError> {
        Ok(self.nanos(way, volume)? as f64 / 1e9 / volume.gb())
    }

    /// What `bytes` cost on a way in nano-dollars, if nothing else of the plan uses its meter or what that shares
    /// with others. Sums of a bill are taken in these, and checked once: an amount that stands for anything larger
    /// would be lost in a difference.
    pub(super) fn nanos(&self, way: &Way, bytes: Bytes) -> Result<i128, PlanError> {
        self.nanos_on_top(way, self.question.month_to_date, bytes)
    }

    /// The same on top of what is on each meter.
    pub(super) fn nanos_on_top(
        &self,
        way: &Way,
        sent: &BTreeMap<String, Bytes>,
        bytes: Bytes,
    ) -> Result<i128, PlanError> {
        self.exact(way, sent, bytes).ok_or_else(|| self.out_of_range())
    }

    /// The refusal of what cannot be counted.
    pub(super) fn out_of_range(&self) -> PlanError {
        PlanError::OutOfRange { from: self.name(self.nodes[0]), size: self.question.size }
    }

    fn exact(&self, way: &Way, sent: &BTreeMap<String, Bytes>, bytes: Bytes) -> Option<i128> {
        let already = |meter: &str| sent.get(meter).copied().unwrap_or_default();
        match way.charge {
            Price::Link(price) | Price::Into(price, _) => {
                let list = match price {
                    LinkPrice::Tariff(id) => {
                        self.question.wan.tariffs().marginal_nanos(&already, id, bytes)?
                    }
                    LinkPrice::PerGb(per_gb) => per_gb.nanos_over(bytes),
                };
                let own = match way.charge {
                    Price::Into(_, store) => self.question.stores[store].per_gb.nanos_over(bytes),
                    _ => 0,
                };
                Some(list + own)
            }
            Price::Terms => match way.terms.map(|index| &self.question.terms[index].charge) {
                Some(Charge::PerGb(tariff)) => tariff.marginal_nanos(already(tariff.meter()), bytes),
                _ => Some(0),
            },
            Price::Capacity | Price::Free => Some(0),
        }
    }

    /// The meter that a way counts on.
    pub(super) fn meter(&self, way: &Way) -> Option<&str> {
        match way.charge {
            Price::Link(LinkPrice::Tariff(id)) | Price::Into(LinkPrice::Tariff(id), _) => {
                Some(self.question.wan.tariffs().get(id).meter())
            }
            Price::Terms => match way.terms.map(|index| &self.question.terms[index].charge) {
                Some(Charge::PerGb(tariff)) => Some(tariff.meter()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Name of a node.
    pub(super) fn name(&self, node: Node) -> String {
        match node {
            Node::Site(site) => self.question.wan.site(site).name.to_string(),
            Node::Store(store) => store_name(&self.question.stores[store]),
        }
    }
}

fn store_name(store: &Store) -> String {
    format!("store:{}", store.name)
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 bit/s, nine million Gbit/s")]
pub(super) fn gbit(rate: BitsPerSecond) -> f64 {
    rate.get() as f64 / 1e9
}

pub(super) fn per_second(per_hour: Usd) -> f64 {
    per_hour.dollars() / 3600.0
}
