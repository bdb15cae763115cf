//! From a job and its candidates to the abstract problem, and back.
//!
//! Rich ids become dense ones: every region that a candidate is in, and every place outside that an
//! input comes from, is a *place*; places that every source pays the same to reach share a *class*.
//! Each task's candidates collapse, without loss, to the Pareto-optimal ones (cost, time) of each
//! region, since data edges see nothing else of a candidate. An input from outside is part of the
//! task's own states where nothing else has to finish first, and a task of its own (one state, no
//! cost) where something has.
//!
//! *Delivery.* Outputs with a `uri` are put there when their task ends, one after the other, and what
//! waits for the task waits for that, as in a run. So their time is part of the task's own states, and
//! so is their price, unless volume tiers are shared: then each leads to a task of its own, as above.
//!
//! *Unknown regions.* No task can be in a region that nobody stated, so nothing ever stays there, and
//! what leaves such a place is priced by the tariff of leaving it alone.
//!
//! *Volume tiers.* Transfers over the same meter share the month's free quota and tiers. Where more
//! than one transfer can use a meter, edges count volume on meters and the solver adds it up; with a
//! single transfer its price is simply the edge's.

use crate::candidates::{Candidate, Candidates, by_place};
use crate::origin::Origin;
use crate::plan::CostRange;
use crate::request::Request;
use crate::solve::{Curve, EdgePrices, Meters, Moves, Problem, SharedQuota, State};
use std::collections::BTreeMap;
use std::rc::Rc;
use welkin_catalog::{Continent, PlaceId};
use welkin_job::Input;
use welkin_route::{DestinationClass, Endpoint, Quota, TariffId, TariffMatrix, Tariffs};
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// Data that moves to a task, or from it to where an output is delivered.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) from: FlowSource,
    /// The consumer; of a delivery, the producer.
    pub(crate) to: usize,
    /// Name of the input; of a delivery, of the output.
    pub(crate) input: String,
    pub(crate) bytes: Bytes,
    /// Where it is delivered, if it goes to no task.
    pub(crate) delivery: Option<Outside>,
}

/// Where a flow starts.
#[derive(Debug, Clone)]
pub(crate) enum FlowSource {
    /// An output of a task.
    Task { task: usize, output: String },
    /// Outside the job.
    Outside(Outside),
}

/// A place outside the job, as far as its URI tells.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    pub(crate) uri: String,
    pub(crate) provider: String,
    pub(crate) region: Option<String>,
}

impl Flow {
    /// The end of it that is no task, if it has one.
    pub(crate) fn outside(&self) -> Option<&Outside> {
        match (&self.from, &self.delivery) {
            (FlowSource::Outside(outside), _) | (_, Some(outside)) => Some(outside),
            _ => None,
        }
    }
}

/// Every flow of a job: inputs from outside, then edges, then deliveries.
pub(crate) fn flows(request: &Request<'_>) -> Vec<Flow> {
    let job = request.job;
    let mut flows = Vec::new();
    for (to, task) in job.tasks.iter().enumerate() {
        for (name, input) in &task.inputs {
            if let Input::Uri { uri, size, place } = input {
                let Origin { provider, region, .. } = Origin::of(request, uri, place.as_ref());
                let from = FlowSource::Outside(Outside { uri: uri.clone(), provider, region });
                flows.push(Flow { from, to, input: name.clone(), bytes: *size, delivery: None });
            }
        }
    }
    for edge in &job.edges {
        if let Some(data) = &edge.data {
            let from = FlowSource::Task { task: edge.from, output: data.output.clone() };
            let (input, bytes) = (data.input.clone(), data.size);
            flows.push(Flow { from, to: edge.to, input, bytes, delivery: None });
        }
    }
    for (index, task) in job.tasks.iter().enumerate() {
        for (name, output) in &task.outputs {
            let Some(uri) = &output.uri else { continue };
            let Origin { provider, region, .. } = Origin::of(request, uri, None);
            let delivery = Some(Outside { uri: uri.clone(), provider, region });
            let from = FlowSource::Task { task: index, output: name.clone() };
            flows.push(Flow { from, to: index, input: name.clone(), bytes: output.size, delivery });
        }
    }
    flows
}

/// Places with their tariffs and rates.
pub(crate) struct Network<'a> {
    tariffs: &'a Tariffs,
    month_to_date: Vec<Bytes>,
    pub(crate) endpoints: Vec<Endpoint<'a>>,
    classes: Vec<u16>,
    /// Tariff by place and class, `place * class_count + class`.
    moves: Vec<TariffId>,
    stays: Vec<TariffId>,
    class_ends: Vec<Endpoint<'a>>,
    /// The distinct rates, and which of them holds for each move and for staying.
    rate_values: Vec<Option<BitsPerSecond>>,
    move_rates: Vec<u8>,
    stay_rates: Vec<u8>,
}

impl<'a> Network<'a> {
    fn new(request: &Request<'a>, endpoints: Vec<Endpoint<'a>>) -> Self {
        let tariffs = request.tariffs;
        let mut known: BTreeMap<DestinationClass, u16> = BTreeMap::new();
        // The first two members of each class: a place prices its own class by another member.
        let mut members: Vec<[usize; 2]> = Vec::new();
        let mut classes = Vec::with_capacity(endpoints.len());
        for (place, endpoint) in endpoints.iter().enumerate() {
            let next = u16::try_from(known.len()).unwrap_or(u16::MAX);
            let class = *known.entry(tariffs.destination_class(endpoint)).or_insert(next);
            if class == next {
                members.push([place, place]);
            } else if members[usize::from(class)][0] == members[usize::from(class)][1] {
                members[usize::from(class)][1] = place;
            }
            classes.push(class);
        }
        let first: Vec<Endpoint<'a>> = members.iter().map(|member| endpoints[member[0]]).collect();
        let second: Vec<Endpoint<'a>> = members.iter().map(|member| endpoints[member[1]]).collect();
        let to_first = TariffMatrix::new(tariffs, &endpoints, &first);
        let to_second = TariffMatrix::new(tariffs, &endpoints, &second);
        let stays: Vec<TariffId> =
            endpoints.iter().map(in_some_region).map(|end| tariffs.between(&end, &end)).collect();
        let mut moves = Vec::with_capacity(endpoints.len() * members.len());
        for (place, stay) in stays.iter().enumerate() {
            for (class, [one, other]) in members.iter().enumerate() {
                moves.push(match (*one == place, *other == place) {
                    (true, true) => *stay,
                    (true, false) => to_second.get(place, class),
                    _ => to_first.get(place, class),
                });
            }
        }
        let on_meter = |meter: &str| request.month_to_date.get(meter).copied().unwrap_or_default();
        let month_to_date = tariffs.volumes(&on_meter);
        let mut rate_values: Vec<Option<BitsPerSecond>> = Vec::new();
        let mut rate = |from: &Endpoint<'_>, to: &Endpoint<'_>| -> u8 {
            let rate = request.rates.between(from, to);
            let known = rate_values.iter().position(|value| *value == rate);
            let index = known.unwrap_or_else(|| {
                rate_values.push(rate);
                rate_values.len() - 1
            });
            // The table of rates has far fewer rows than this.
            u8::try_from(index).unwrap_or(u8::MAX)
        };
        let stay_rates = endpoints.iter().map(in_some_region).map(|end| rate(&end, &end)).collect();
        let mut move_rates = Vec::with_capacity(moves.len());
        for end in &endpoints {
            for class_end in &first {
                // Another region of the same class, whose rate does not depend on which.
                move_rates.push(rate(end, &Endpoint { region: None, ..*class_end }));
            }
        }
        Self {
            tariffs,
            month_to_date,
            endpoints,
            classes,
            moves,
            stays,
            class_ends: first,
            rate_values,
            move_rates,
            stay_rates,
        }
    }

    /// The tariff between two places.
    pub(crate) fn tariff(&self, from: u16, to: u16) -> TariffId {
        if from == to {
            return self.stays[usize::from(from)];
        }
        self.moves[usize::from(from) * self.class_ends.len() + usize::from(self.classes[usize::from(to)])]
    }

    /// The tariff in words.
    pub(crate) fn describe(&self, from: u16, to: u16) -> String {
        let id = self.tariff(from, to);
        self.tariffs.get(id).meter().to_owned()
    }

    pub(crate) fn time(&self, from: u16, to: u16, bytes: Bytes) -> Span {
        let rate = if from == to {
            self.stay_rates[usize::from(from)]
        } else {
            let class = usize::from(self.classes[usize::from(to)]);
            self.move_rates[usize::from(from) * self.class_ends.len() + class]
        };
        self.rate_values[usize::from(rate)].map_or(Span::ZERO, |rate| rate.time_for(bytes))
    }

    /// What a transfer costs in the cheapest and in the dearest region of its end outside the job, by itself;
    /// nothing where that region was stated, or is all the same.
    pub(crate) fn by_region(
        &self,
        request: &Request<'_>,
        flow: &Flow,
        (from, to, bytes): (u16, u16, Bytes),
    ) -> Option<CostRange> {
        let outside = flow.outside().filter(|outside| outside.region.is_none())?;
        let cost = |region: &str| {
            let end = Endpoint::at(&outside.provider, region, request.tables);
            let id = match flow.delivery {
                Some(_) => self.tariffs.between(&self.endpoints[usize::from(from)], &end),
                None => self.tariffs.between(&end, &self.endpoints[usize::from(to)]),
            };
            self.tariffs.marginal(&self.month_to_date, id, bytes)
        };
        let regions = request.tables.regions.names().into_iter();
        let own = regions.filter(|(provider, _)| *provider == outside.provider);
        let (lowest, highest) = own.map(|(_, region)| cost(region)).fold(None, |range, cost| {
            let (lowest, highest): (Usd, Usd) = range.unwrap_or((cost, cost));
            Some((lowest.min(cost), highest.max(cost)))
        })?;
        (lowest < highest).then_some(CostRange { lowest, highest })
    }

    /// The price of each of several transfers, given as (from, to, bytes), made in this order within
    /// one month.
    pub(crate) fn data_costs(&self, transfers: &[(u16, u16, Bytes)]) -> Vec<Usd> {
        let mut sent = self.month_to_date.clone();
        let costs = transfers.iter().map(|(from, to, bytes)| {
            let id = self.tariff(*from, *to);
            let cost = self.tariffs.marginal(&sent, id, *bytes);
            sent[usize::from(id.0)] += *bytes;
            cost
        });
        costs.collect()
    }

    /// What a transfer costs on top of volumes by tariff, to which it is added.
    pub(crate) fn add(&self, volumes: &mut [Bytes], (from, to, bytes): (u16, u16, Bytes)) -> i128 {
        let id = self.tariff(from, to);
        let cost = self.tariffs.marginal(volumes, id, bytes).nanos();
        volumes[usize::from(id.0)] += bytes;
        i128::from(cost)
    }

    /// Bytes on each tariff before the plan.
    pub(crate) fn month_to_date(&self) -> &[Bytes] {
        &self.month_to_date
    }

    /// Whether whatever leaves this place is free, so that an input from it needs no meter.
    fn is_free_from(&self, place: u16) -> bool {
        let row = usize::from(place) * self.class_ends.len();
        self.moves[row..row + self.class_ends.len()].iter().all(|id| self.tariffs.get(*id).is_free())
    }

    /// Cost and time of an edge from a place to a place.
    fn price(&self, moves: &Moves, from: u16, to: usize) -> (i64, i64) {
        if usize::from(from) == to {
            return (moves.stay_cost[to], moves.stay_time[to]);
        }
        let at = usize::from(from) * self.class_ends.len() + usize::from(self.classes[to]);
        (moves.cost[at], moves.time[at])
    }

    /// What moving `bytes` costs and takes, priced by itself or, when `metered`, by the volume it counts.
    fn moves(&self, bytes: Bytes, metered: bool) -> Moves {
        let (places, classes) = (self.endpoints.len(), self.class_ends.len());
        if bytes == Bytes::ZERO {
            return Moves {
                cost: vec![0; places * classes],
                time: vec![0; places * classes],
                stay_cost: vec![0; places],
                stay_time: vec![0; places],
            };
        }
        let by_tariff: Vec<i64> = (0_u16..)
            .zip(&self.month_to_date)
            .map(|(id, _)| match metered {
                true => 0,
                false => self.tariffs.marginal(&self.month_to_date, TariffId(id), bytes).nanos(),
            })
            .collect();
        let by_rate: Vec<i64> = self
            .rate_values
            .iter()
            .map(|rate| millis(rate.map_or(Span::ZERO, |rate| rate.time_for(bytes))))
            .collect();
        let price = |id: &TariffId| by_tariff[usize::from(id.0)];
        let stay_cost: Vec<i64> = self.stays.iter().map(price).collect();
        let stay_time: Vec<i64> = self.stay_rates.iter().map(|rate| by_rate[usize::from(*rate)]).collect();
        let times = self.move_rates.iter().map(|rate| by_rate[usize::from(*rate)]).collect();
        let cost = self.moves.iter().map(price).collect();
        Moves { cost, time: times, stay_cost, stay_time }
    }
}

/// The tables of a problem, made once for each size of what moves.
struct Tables<'n, 'a> {
    network: &'n Network<'a>,
    metered: bool,
    known: BTreeMap<Bytes, Rc<Moves>>,
    /// The same that take no time.
    at_once: BTreeMap<Bytes, Rc<Moves>>,
}

impl Tables<'_, '_> {
    fn of(&mut self, bytes: Bytes) -> Rc<Moves> {
        let moves =
            self.known.entry(bytes).or_insert_with(|| Rc::new(self.network.moves(bytes, self.metered)));
        Rc::clone(moves)
    }

    /// The same, but that it takes no time.
    fn at_once(&mut self, bytes: Bytes) -> Rc<Moves> {
        let moves = self.of(bytes);
        let (time, stay_time) = (vec![0; moves.time.len()], vec![0; moves.stay_time.len()]);
        let at_once = self.at_once.entry(bytes);
        Rc::clone(at_once.or_insert_with(|| Rc::new(Moves { time, stay_time, ..Moves::clone(&moves) })))
    }

    /// An edge that moves `bytes`.
    fn edge(&mut self, from: usize, to: usize, bytes: Bytes) -> EdgePrices {
        let volume = if self.metered { bytes.get() } else { 0 };
        EdgePrices { from, to, volume, moves: self.of(bytes) }
    }
}

/// A job as an abstract problem.
pub(crate) struct Model<'a> {
    pub(crate) network: Network<'a>,
    pub(crate) flows: &'a [Flow],
    /// By task of the job and state: index into the task's candidates.
    pub(crate) states: Vec<Rc<[usize]>>,
    /// Dense place of each catalog place; 0 of those that no candidate is at.
    dense: Vec<u16>,
    /// The place outside that a flow comes from or goes to, by flow.
    outside: Vec<Option<u16>>,
    /// By task: its deliveries among the flows. Whoever assesses a plan asks for them once a task.
    delivered: Vec<Vec<usize>>,
}

impl<'a> Model<'a> {
    pub(crate) fn new(request: &Request<'a>, candidates: &[Rc<Candidates>], flows: &'a [Flow]) -> Self {
        let (kinds, kind_of) = kinds(candidates);
        let by_kind: Vec<Rc<[usize]>> = kinds
            .iter()
            .map(|found| by_place(request, &found.list).into_values().flatten().collect())
            .collect();
        let mut endpoints: Vec<Endpoint<'a>> = Vec::new();
        let mut dense = vec![0; request.catalog.places().count()];
        // Also places that only alternatives are at.
        let column = request.catalog.columns().place;
        let offers = kinds.iter().flat_map(|found| &found.list);
        let mut all: Vec<u16> = offers.map(|candidate| column[candidate.offer.0 as usize]).collect();
        all.sort_unstable();
        all.dedup();
        for place in all {
            dense[usize::from(place)] = u16::try_from(endpoints.len()).unwrap_or(u16::MAX);
            endpoints.push(request.catalog.place(PlaceId(place)).into());
        }
        let mut outside = Vec::with_capacity(flows.len());
        for flow in flows {
            outside.push(match flow.outside() {
                None => None,
                Some(Outside { provider, region, .. }) => {
                    let end = endpoints
                        .iter()
                        .position(|end| end.provider == provider && end.region == region.as_deref());
                    let index = end.unwrap_or_else(|| {
                        endpoints.push(outside_endpoint(request, provider, region.as_deref()));
                        endpoints.len() - 1
                    });
                    Some(u16::try_from(index).unwrap_or(u16::MAX))
                }
            });
        }
        let states = kind_of.iter().map(|kind| Rc::clone(&by_kind[*kind])).collect();
        let mut delivered = vec![Vec::new(); candidates.len()];
        for (index, flow) in flows.iter().enumerate().filter(|(_, flow)| flow.delivery.is_some()) {
            delivered[flow.to].push(index);
        }
        Self { network: Network::new(request, endpoints), flows, states, dense, outside, delivered }
    }

    /// The dense place of a candidate.
    pub(crate) fn place_of(&self, request: &Request<'_>, candidate: &Candidate) -> u16 {
        let place = request.catalog.columns().place[candidate.offer.0 as usize];
        self.dense.get(usize::from(place)).copied().unwrap_or(0)
    }

    /// The transfers of an assignment, given the place of each task, in the order of the flows.
    pub(crate) fn transfers(&self, places: &[u16]) -> Vec<(u16, u16, Bytes)> {
        let flows = self.flows.iter().zip(&self.outside);
        flows.map(|(flow, outside)| Self::transfer(flow, *outside, &|task| places[task])).collect()
    }

    /// The transfer of a flow, with one task at a place of its own.
    pub(crate) fn transfer_at(
        &self,
        flow: usize,
        task: usize,
        place: u16,
        places: &[u16],
    ) -> (u16, u16, Bytes) {
        let at = |index: usize| if index == task { place } else { places[index] };
        Self::transfer(&self.flows[flow], self.outside[flow], &at)
    }

    /// The place outside the job that a flow comes from or goes to.
    pub(crate) fn outside_of(&self, flow: usize) -> u16 {
        self.outside[flow].unwrap_or(0)
    }

    fn transfer(flow: &Flow, outside: Option<u16>, place: &dyn Fn(usize) -> u16) -> (u16, u16, Bytes) {
        let from = match &flow.from {
            FlowSource::Task { task, .. } => place(*task),
            FlowSource::Outside(_) => outside.unwrap_or(0),
        };
        let to = if flow.delivery.is_some() { outside.unwrap_or(0) } else { place(flow.to) };
        (from, to, flow.bytes)
    }

    /// How long it takes to deliver what a task at a place has to deliver, one output after the other.
    pub(crate) fn delivery_time(&self, task: usize, place: u16) -> Span {
        let time =
            |&flow: &usize| self.network.time(place, self.outside[flow].unwrap_or(0), self.flows[flow].bytes);
        self.delivered[task].iter().map(time).sum()
    }

    fn meters(&self) -> Meters {
        let network = &self.network;
        let volumes = &network.month_to_date;
        let curve = |(id, already): (u16, &Bytes)| match network.tariffs.is_shared(TariffId(id)) {
            true => Curve { tariff: network.tariffs.on_top(volumes, TariffId(id)), already: Bytes::ZERO },
            false => Curve { tariff: network.tariffs.get(TariffId(id)).clone(), already: *already },
        };
        let shared = |quota: &Quota| SharedQuota { quota: quota.clone(), already: volumes.as_slice().into() };
        Meters {
            quotas: network.tariffs.quotas().iter().map(shared).collect(),
            curves: (0_u16..).zip(volumes).map(curve).collect(),
            of_move: network.moves.iter().map(|id| id.0).collect(),
            of_stay: network.stays.iter().map(|id| id.0).collect(),
        }
    }

    /// The abstract problem, machines weighed by `weigh`. Its first tasks are the job's, in order; any more
    /// stand for inputs and deliveries.
    pub(crate) fn problem(
        &self,
        request: &Request<'_>,
        candidates: &[Rc<Candidates>],
        weigh: &dyn Fn(&Candidate) -> Usd,
    ) -> Problem {
        let job = request.job;
        let metered = self.flows.iter().filter(|flow| flow.bytes > Bytes::ZERO).count() > 1;
        let waits = |task: usize| job.edges.iter().any(|edge| edge.to == task);
        let mut tasks: Vec<Vec<State>> = self
            .states
            .iter()
            .zip(candidates)
            .map(|(states, found)| {
                let state = |index: &usize| {
                    let candidate = &found.list[*index];
                    State {
                        place: self.place_of(request, candidate),
                        cost: weigh(candidate).nanos(),
                        time: millis(candidate.time),
                    }
                };
                states.iter().map(state).collect()
            })
            .collect();
        let mut edges = Vec::new();
        let mut tables =
            Tables { network: &self.network, metered, known: BTreeMap::new(), at_once: BTreeMap::new() };
        // By task and place: cost and time of the inputs that are part of the task's own states.
        let places = self.network.endpoints.len();
        let mut folded: Vec<Option<Vec<(i64, i64)>>> = vec![None; job.tasks.len()];
        // A state's time cannot hold the arrival of one input while that of another is an edge: the two would add up.
        let mut arrives: Vec<bool> = (0..job.tasks.len()).map(waits).collect();
        for (flow, outside) in self.flows.iter().zip(&self.outside) {
            arrives[flow.to] |= outside.is_some_and(|from| metered && !self.network.is_free_from(from));
        }
        for (flow, outside) in self.flows.iter().zip(&self.outside) {
            let Some(from) = outside else { continue };
            if flow.delivery.is_some() {
                continue;
            }
            if arrives[flow.to] {
                let source = tasks.len();
                tasks.push(vec![State { place: *from, cost: 0, time: 0 }]);
                edges.push(tables.edge(source, flow.to, flow.bytes));
                continue;
            }
            let moves = tables.of(flow.bytes);
            let sums = folded[flow.to].get_or_insert_with(|| vec![(0, 0); places]);
            for (place, (cost, time)) in sums.iter_mut().enumerate() {
                let (more, arrival) = self.network.price(&moves, *from, place);
                *cost = cost.saturating_add(more);
                *time = (*time).max(arrival);
            }
        }
        for (states, folded) in tasks.iter_mut().zip(&folded) {
            let Some(folded) = folded else { continue };
            for state in states {
                let (cost, time) = folded[usize::from(state.place)];
                state.cost = state.cost.saturating_add(cost);
                state.time = state.time.saturating_add(time);
            }
        }
        let sinks = self.deliveries(&mut tasks, &mut tables);
        edges.extend(sinks);
        for edge in &job.edges {
            let bytes = edge.data.as_ref().map_or(Bytes::ZERO, |data| data.size);
            edges.push(tables.edge(edge.from, edge.to, bytes));
        }
        Problem::new(tasks, edges, self.network.classes.clone(), metered.then(|| self.meters()))
    }

    /// Adds deliveries to the states of their tasks, as far as their price is a matter of the place alone,
    /// and returns edges to where the others go.
    fn deliveries(&self, tasks: &mut Vec<Vec<State>>, tables: &mut Tables<'_, '_>) -> Vec<EdgePrices> {
        let mut sinks = Vec::new();
        for (flow, to) in self.flows.iter().zip(&self.outside).filter(|(flow, _)| flow.delivery.is_some()) {
            let Some(to) = to.filter(|_| flow.bytes > Bytes::ZERO) else { continue };
            let edge = tables.edge(flow.to, tasks.len(), flow.bytes);
            for state in &mut tasks[flow.to] {
                let (cost, time) = self.network.price(&edge.moves, state.place, usize::from(to));
                state.cost += cost;
                state.time += time;
            }
            if tables.metered {
                tasks.push(vec![State { place: to, cost: 0, time: 0 }]);
                sinks.push(EdgePrices { moves: tables.at_once(flow.bytes), ..edge });
            }
        }
        sinks
    }
}

/// The distinct candidates of tasks, and which of them each task has: tasks that ask for the same share theirs.
fn kinds(candidates: &[Rc<Candidates>]) -> (Vec<&Rc<Candidates>>, Vec<usize>) {
    let mut kinds: Vec<&Rc<Candidates>> = Vec::new();
    let mut known = BTreeMap::new();
    let kind_of = candidates.iter().map(|found| {
        *known.entry(Rc::as_ptr(found)).or_insert_with(|| {
            kinds.push(found);
            kinds.len() - 1
        })
    });
    let kind_of = kind_of.collect();
    (kinds, kind_of)
}

/// The place as one of a known region, which data can stay in.
fn in_some_region<'a>(end: &Endpoint<'a>) -> Endpoint<'a> {
    Endpoint { region: Some(end.region.unwrap_or_default()), ..*end }
}

fn outside_endpoint<'a>(request: &Request<'a>, provider: &'a str, region: Option<&'a str>) -> Endpoint<'a> {
    match region {
        Some(region) => Endpoint::at(provider, region, request.tables),
        None => Endpoint { provider, region: None, continent: Continent::Unknown },
    }
}

fn millis(span: Span) -> i64 {
    i64::try_from(span.millis()).unwrap_or(i64::MAX / 8).min(i64::MAX / 8)
}
