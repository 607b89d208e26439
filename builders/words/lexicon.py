"""What words mean to questions that are compared: negations, operators in words, units, numbers.

"Find the largest x" and "find the smallest x" differ in one word of six and are not the same
question. The lists are ours, English, and made for questions of mathematics and science.
"""

from collections import Counter

ASKING = "calculate compute determine evaluate find obtain"
"""Verbs that ask for the same: they count as one word."""

STOP = """
a an the this that these those it its they them their he him his she her we us our you your i me my
is are was were be been being am do does did has have had can could will would shall should may
might must of in on at by for with to into onto from as and or but so if then when where which who
whom whose what how why there here also such let given suppose assume please out up
"""
"""Words that carry no subject."""

NEGATIONS = "no not none never neither nor nothing nobody without cannot except non lacks"

OPERATORS = """
plus minus times sum difference product quotient ratio divided multiplied subtracted added more
less fewer greater larger smaller bigger higher lower longer shorter faster slower older younger
most least largest smallest greatest fewest highest lowest longest shortest fastest slowest maximum
minimum max min maximize minimize maximise minimise maximal minimal above below before after over
under increase increases increased increasing decrease decreases decreased decreasing rise rises
rising fall falls falling gain gains lose loses loss profit half double triple twice thrice odd even
positive negative true false correct incorrect all any every only always first last left right
north south east west up down clockwise counterclockwise inside outside per than
"""
"""Operations, comparisons and directions in words."""

_NUMBERS = """
0 zero ; 2 two ; 3 three ; 4 four ; 5 five ; 6 six ; 7 seven ; 8 eight ; 9 nine ; 10 ten ;
11 eleven ; 12 twelve dozen ; 13 thirteen ; 14 fourteen ; 15 fifteen ; 16 sixteen ; 17 seventeen ;
18 eighteen ; 19 nineteen ; 20 twenty ; 30 thirty ; 40 forty ; 50 fifty ; 60 sixty ; 70 seventy ;
80 eighty ; 90 ninety ; 100 hundred ; 1000 thousand ; 1000000 million ; 1000000000 billion ;
1000000000000 trillion ; 2nd second ; 3rd third ; 4th fourth quarter ; 5th fifth ; 6th sixth ;
7th seventh ; 8th eighth ; 9th ninth ; 10th tenth ; 11th eleventh ; 12th twelfth ; 13th thirteenth ;
14th fourteenth ; 15th fifteenth ; 16th sixteenth ; 17th seventeenth ; 18th eighteenth ;
19th nineteenth ; 20th twentieth
"""  # `one` is a pronoun as well

_SAME = """
/ ÷ div per divided ; * × · ⋅ ∗ cdot times multiplied ; - − – ‐ ‒ ― ; <= ≤ le leq leqslant ;
>= ≥ ge geq geqslant ; != ne neq ≠ ; < lt ; > gt ; ± pm ; frac dfrac tfrac cfrac ;
binom dbinom tbinom ; sqrt √ ; ∞ infty ; → to rightarrow ; ⇒ implies Rightarrow ; ∫ int ;
∂ partial ; ∇ nabla ; ∪ cup ; ∧ land wedge ; ∨ lor vee ; ∩ cap ; ∈ in ; ⊂ subset ;
¬ neg lnot ; mod modulo bmod pmod ; pi π ;
alpha α ; beta β ; gamma γ ; delta δ ; theta θ vartheta ; lambda λ ; mu μ ; sigma σ ; omega ω ;
phi φ varphi ; epsilon ε varepsilon ; rho ρ ; Delta Δ ; sum Σ ∑ ; prod ∏ ; ħ hbar ℏ ; ( { ; ) } ;
percent % ; degree ° circ ; euro € ; maximize maximise ; minimize minimise ; max maximum ;
min minimum ; largest greatest biggest ; larger bigger ;
lfloor ⌊ ; rfloor ⌋ ; lceil ⌈ ; rceil ⌉ ; langle ⟨ 〈 ; rangle ⟩ 〉 ; dagger †
"""

OPERATOR_COMMANDS = """
frac binom sqrt sum prod lim sin cos tan cot sec csc log ln exp arcsin arccos arctan sinh cosh tanh
gcd lcm mod max min det dim ker deg sup inf lfloor rfloor lceil rceil vert mid oplus otimes equiv
approx sim cong perp parallel forall exists notin setminus overline vec bar hat dot ddot choose
langle rangle dagger
"""
"""Commands of LaTeX that are operators, beside those in `SAME` that stand for a sign."""

LAYOUT = """
left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits nolimits quad qquad
hspace vspace text textbf textit textrm mathrm mathbf mathit mathsf mathbb mathcal mathfrak
boldsymbol operatorname rm bf it boxed begin end label nonumber notag phantom ldots dots cdots
hfill newline
"""
"""Commands of LaTeX that say how something looks."""

NO_SIGNS = "\"'`,$#\ufe0f\ufe0e«»„‚‹›¿¡§¶©®、،؛「」『』《》【】•‣◦▪"
"""Punctuation and bullets. Every other sign says something."""

_UNITS = """
m meter meters metre metres ; km kilometer kilometers kilometre kilometres ;
cm centimeter centimeters centimetre centimetres ;
mm millimeter millimeters millimetre millimetres ; μm µm micrometer micrometers micron microns ;
nm nanometer nanometers nanometre nanometres ; pm picometer picometers ; Å angstrom angstroms ;
ft foot feet ; inch inches ; yd yard yards ; mi mile miles ;
kg kilogram kilograms kilogramme kilogrammes ; g gram grams gramme grammes ;
mg milligram milligrams ; μg µg microgram micrograms ; t ton tons tonne tonnes ;
lb lbs pound pounds ; oz ounce ounces ; s sec secs second seconds ; ms millisecond milliseconds ;
μs µs microsecond microseconds ; ns nanosecond nanoseconds ; minute minutes mins ;
h hr hrs hour hours ; day days ; week weeks ; month months ; yr yrs year years ;
L l liter liters litre litres ; mL ml milliliter milliliters millilitre millilitres ;
gallon gallons gal ; N newton newtons ; kN kilonewton kilonewtons ; J joule joules ;
kJ kilojoule kilojoules ; MJ megajoule megajoules ; cal calorie calories ;
kcal kilocalorie kilocalories ; eV ; keV ; MeV ; GeV ; TeV ; W watt watts ;
kW kilowatt kilowatts ; MW megawatt megawatts ; mW milliwatt milliwatts ; kWh ; hp horsepower ;
V volt volts ; mV millivolt millivolts ; kV kilovolt kilovolts ; ampere amperes amp amps ;
mA milliampere milliamperes milliamp milliamps ; Ω ohm ohms ; kΩ kilohm kilohms ; F farad farads ;
μF µF microfarad microfarads ; pF picofarad picofarads ; H henry henries ; T tesla teslas ;
C coulomb coulombs ; μC µC microcoulomb microcoulombs ; nC nanocoulomb nanocoulombs ;
K kelvin kelvins ; Hz hertz ; kHz kilohertz ; MHz megahertz ; GHz gigahertz ; Pa pascal pascals ;
kPa kilopascal kilopascals ; MPa megapascal megapascals ; GPa gigapascal gigapascals ; bar bars ;
atm atmosphere atmospheres ; mmHg torr ; mol mole moles mols ; mmol millimole millimoles ;
M molar ; mM millimolar ; kmph kph kmh ; mph ; rpm ; percent percentage ; degree degrees deg ;
celsius ℃ ; fahrenheit ℉ ; radian radians rad ; dollar dollars usd ; cent cents ; euro euros eur ;
rupee rupees rs ; yuan ; yen ; bit bits ; byte bytes ; kB kilobyte kilobytes ;
MB megabyte megabytes ; GB gigabyte gigabytes ; acre acres ; hectare hectares ha ; sq square ;
cubic
"""


def _alike(groups: str) -> dict[str, str]:
    """Of each spelling the first of its group, which stands for all."""
    split = [group.split() for group in groups.split(" ;")]
    return {spelling: first for first, *others in split for spelling in others}


NUMBERS = _alike(_NUMBERS)

SAME = _alike(_SAME)
"""Symbols, commands of LaTeX and words that say the same."""


def _units() -> tuple[dict[str, str], dict[str, str]]:
    """Words that are always units, and symbols that are units behind a number only."""
    # As words of their own: a second chance, a foot, bars of music.
    ambiguous = {"second", "bars", "square", "cubic", "foot", "pound"}
    words: dict[str, str] = {}
    symbols: dict[str, str] = {}
    for unit in _UNITS.split(" ;"):
        spellings = unit.split()
        for spelling in spellings:
            if len(spelling) <= 3 or spelling in ambiguous:
                symbols[spelling] = spellings[0]
            else:
                words[spelling.lower()] = spellings[0]
    lowered = Counter(symbol.lower() for symbol in symbols)
    for symbol in list(symbols):
        lower = symbol.lower()
        if lowered[lower] == 1 and len(lower) > 1:  # KM is km; but mw may be mW or MW
            symbols.setdefault(lower, symbols[symbol])
    return words, symbols


UNIT_WORDS, UNIT_SYMBOLS = _units()
