-- Tables of the shape that TPC-H describes, of any scale, the same on every machine. DuckDB makes them:
-- {scale} is put in, and what they are put into is the folder it runs in.

-- A number below m, by the number of a row and of a column.
CREATE MACRO mix(x) AS CAST((x::UHUGEINT * 6364136223846793005) % 18446744073709551616 AS UBIGINT);
CREATE MACRO pick(row, col, m) AS
    CAST((mix(xor(mix(row * 1000003 + col), mix(row * 1000003 + col) >> 29)) >> 33) % CAST(m AS UBIGINT) AS BIGINT);
-- One of a list.
CREATE MACRO one(row, col, list) AS list[1 + pick(row, col, len(list))];
CREATE MACRO cents(row, col, low, high) AS CAST((low + pick(row, col, high - low)) * 0.01 AS DECIMAL(15, 2));
-- Some words, of which a few make a phrase that queries look for.
CREATE MACRO words(row, col) AS concat_ws(' ',
    one(row, col, ['furiously', 'quickly', 'special', 'silent', 'pending', 'Customer', 'bold', 'even']),
    one(row, col + 1, ['deposits', 'packages', 'requests', 'accounts', 'Complaints', 'theodolites', 'foxes', 'ideas']),
    one(row, col + 2, ['sleep', 'haggle', 'nag', 'wake', 'cajole', 'detect', 'boost', 'integrate']));

CREATE TABLE region AS
SELECT range AS r_regionkey, ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'][range + 1] AS r_name, words(range, 1) AS r_comment
FROM range(5);

CREATE TABLE nation AS
SELECT range AS n_nationkey,
    ['ALGERIA', 'ARGENTINA', 'BRAZIL', 'CANADA', 'EGYPT', 'ETHIOPIA', 'FRANCE', 'GERMANY', 'INDIA', 'INDONESIA', 'IRAN', 'IRAQ',
     'JAPAN', 'JORDAN', 'KENYA', 'MOROCCO', 'MOZAMBIQUE', 'PERU', 'CHINA', 'ROMANIA', 'SAUDI ARABIA', 'VIETNAM', 'RUSSIA',
     'UNITED KINGDOM', 'UNITED STATES'][range + 1] AS n_name,
    [0, 1, 1, 1, 4, 0, 3, 3, 2, 2, 4, 4, 2, 4, 0, 0, 0, 1, 2, 3, 4, 2, 3, 3, 1][range + 1] AS n_regionkey,
    words(range, 5) AS n_comment
FROM range(25);

CREATE TABLE supplier AS
SELECT range AS s_suppkey, format('Supplier#{:09d}', range) AS s_name, format('{} road {}', words(range, 10), range) AS s_address,
    pick(range, 13, 25) AS s_nationkey,
    format('{}-{:03d}-{:03d}-{:04d}', 10 + pick(range, 13, 25), pick(range, 14, 1000), pick(range, 15, 1000), pick(range, 16, 10000)) AS s_phone,
    cents(range, 17, -99999, 999999) AS s_acctbal, words(range, 18) AS s_comment
FROM range(1, 1 + CAST(10000 * {scale} AS BIGINT));

CREATE TABLE customer AS
SELECT range AS c_custkey, format('Customer#{:09d}', range) AS c_name, format('{} lane {}', words(range, 30), range) AS c_address,
    pick(range, 33, 25) AS c_nationkey,
    format('{}-{:03d}-{:03d}-{:04d}', 10 + pick(range, 33, 25), pick(range, 34, 1000), pick(range, 35, 1000), pick(range, 36, 10000)) AS c_phone,
    cents(range, 37, -99999, 999999) AS c_acctbal,
    one(range, 38, ['AUTOMOBILE', 'BUILDING', 'FURNITURE', 'MACHINERY', 'HOUSEHOLD']) AS c_mktsegment, words(range, 39) AS c_comment
FROM range(1, 1 + CAST(150000 * {scale} AS BIGINT));

CREATE TABLE part AS
SELECT range AS p_partkey,
    concat_ws(' ', one(range, 50, ['green', 'forest', 'azure', 'salmon', 'linen', 'misty', 'peru', 'plum']),
        one(range, 51, ['almond', 'antique', 'green', 'blush', 'cream', 'khaki', 'rose', 'snow'])) AS p_name,
    format('Manufacturer#{}', 1 + pick(range, 52, 5)) AS p_mfgr, format('Brand#{}{}', 1 + pick(range, 52, 5), 1 + pick(range, 53, 5)) AS p_brand,
    concat_ws(' ', one(range, 54, ['STANDARD', 'SMALL', 'MEDIUM', 'LARGE', 'ECONOMY', 'PROMO']),
        one(range, 55, ['ANODIZED', 'BURNISHED', 'PLATED', 'POLISHED', 'BRUSHED']),
        one(range, 56, ['TIN', 'NICKEL', 'BRASS', 'STEEL', 'COPPER'])) AS p_type,
    CAST(1 + pick(range, 57, 50) AS INTEGER) AS p_size,
    concat_ws(' ', one(range, 58, ['SM', 'LG', 'MED', 'JUMBO', 'WRAP']),
        one(range, 59, ['CASE', 'BOX', 'BAG', 'JAR', 'PKG', 'PACK', 'CAN', 'DRUM'])) AS p_container,
    CAST((90000 + (range // 10) % 20001 + 100 * (range % 1000)) * 0.01 AS DECIMAL(15, 2)) AS p_retailprice, words(range, 60) AS p_comment
FROM range(1, 1 + CAST(200000 * {scale} AS BIGINT));

CREATE TABLE partsupp AS
SELECT p.p_partkey AS ps_partkey,
    1 + (p.p_partkey + n.range * (s.n // 4 + (p.p_partkey - 1) // s.n)) % s.n AS ps_suppkey,
    CAST(1 + pick(p.p_partkey * 4 + n.range, 70, 9999) AS INTEGER) AS ps_availqty,
    cents(p.p_partkey * 4 + n.range, 71, 100, 100000) AS ps_supplycost, words(p.p_partkey * 4 + n.range, 72) AS ps_comment
FROM part p, range(4) n, (SELECT count(*) AS n FROM supplier) s;

-- A third of the customers never order.
CREATE TABLE orders AS
SELECT range AS o_orderkey, 1 + 3 * pick(range, 80, c.n // 3) + pick(range, 81, 2) AS o_custkey,
    CAST(0 AS DECIMAL(15, 2)) AS o_totalprice, DATE '1992-01-01' + CAST(pick(range, 82, 2406) AS INTEGER) AS o_orderdate,
    one(range, 83, ['1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW']) AS o_orderpriority,
    format('Clerk#{:09d}', pick(range, 84, 1000)) AS o_clerk, CAST(0 AS INTEGER) AS o_shippriority, words(range, 85) AS o_comment
FROM range(1, 1 + CAST(1500000 * {scale} AS BIGINT)), (SELECT count(*) AS n FROM customer) c;

CREATE TABLE lineitem AS
WITH lines AS (
    SELECT o.o_orderkey, o.o_orderdate, o.o_orderkey * 8 + n.range AS id, n.range + 1 AS number
    FROM orders o, range(7) n WHERE n.range <= pick(o.o_orderkey, 90, 7)
), drawn AS (
    SELECT *, 1 + pick(id, 91, (SELECT count(*) FROM part)) AS part, pick(id, 92, 4) AS of_four, 1 + pick(id, 93, 50) AS quantity,
        o_orderdate + CAST(1 + pick(id, 94, 121) AS INTEGER) AS shipped, o_orderdate + CAST(30 + pick(id, 95, 61) AS INTEGER) AS committed
    FROM lines
)
SELECT d.o_orderkey AS l_orderkey, d.part AS l_partkey, s.ps_suppkey AS l_suppkey, CAST(d.number AS INTEGER) AS l_linenumber,
    CAST(d.quantity AS DECIMAL(15, 2)) AS l_quantity, CAST(d.quantity * p.p_retailprice AS DECIMAL(15, 2)) AS l_extendedprice,
    CAST(pick(d.id, 96, 11) * 0.01 AS DECIMAL(15, 2)) AS l_discount, CAST(pick(d.id, 97, 9) * 0.01 AS DECIMAL(15, 2)) AS l_tax,
    CASE WHEN d.shipped + 15 > DATE '1995-06-17' THEN 'N' ELSE one(d.id, 98, ['R', 'A']) END AS l_returnflag,
    CASE WHEN d.shipped > DATE '1995-06-17' THEN 'O' ELSE 'F' END AS l_linestatus,
    d.shipped AS l_shipdate, d.committed AS l_commitdate, d.shipped + CAST(1 + pick(d.id, 99, 30) AS INTEGER) AS l_receiptdate,
    one(d.id, 100, ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN']) AS l_shipinstruct,
    one(d.id, 101, ['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB']) AS l_shipmode, words(d.id, 102) AS l_comment
FROM drawn d
JOIN part p ON p.p_partkey = d.part
JOIN (SELECT *, row_number() OVER (PARTITION BY ps_partkey ORDER BY ps_suppkey) - 1 AS of_four FROM partsupp) s
    ON s.ps_partkey = d.part AND s.of_four = d.of_four
ORDER BY l_orderkey, l_linenumber;

-- What follows from its lines.
CREATE OR REPLACE TABLE orders AS
SELECT o.* REPLACE (CAST(t.price AS DECIMAL(15, 2)) AS o_totalprice),
    CASE WHEN t.open = 0 THEN 'F' WHEN t.open = t.n THEN 'O' ELSE 'P' END AS o_orderstatus
FROM orders o
JOIN (SELECT l_orderkey, sum(l_extendedprice * (1 + l_tax) * (1 - l_discount)) AS price, count(*) AS n,
        count(*) FILTER (WHERE l_linestatus = 'O') AS open
    FROM lineitem GROUP BY l_orderkey) t ON t.l_orderkey = o.o_orderkey
ORDER BY o_orderkey;
